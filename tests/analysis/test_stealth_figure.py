from backdoor_pipeline.analysis.stealth import stealth_figure

MEASURED = {"psnr": 21.249, "ssim": 0.9994, "l2": 5.0149, "linf": 0.971, "unchanged": 0.0}


def test_both_kinds_of_images_and_a_dash_where_nothing_changed() -> None:
    train = {f"train_{name}": value for name, value in MEASURED.items()} | {"train_psnr": None}
    figure = stealth_figure({**MEASURED, **train, "seconds": 3.0}, "a title")
    cells = figure.plotly["data"][0]["cells"]["values"]
    assert cells[0] == ["triggered test images", "poisoned training images"]
    assert cells[1] == ["21.2", "–"]
    assert cells[2] == ["0.999", "0.999"]
    assert figure.table["psnr"].iloc[0] == 21.249
    printed = figure.drawn.canvas.axes[0].tables[0].get_celld()
    rows = [[printed[row, column].get_text().get_text() for column in range(-1, 3)] for row in (1, 2)]
    assert rows == [
        ["triggered test images", "21.2", "0.999", "5.01"],
        ["poisoned training images", "–", "0.999", "5.01"],
    ]
    assert len(figure.table) == 2


def test_what_seems_to_contradict_itself_is_explained() -> None:
    loud = stealth_figure(MEASURED, "a title")
    (remark,) = loud.plotly["layout"]["annotations"]
    assert "SSIM is a mean over windows" in remark["text"]
    for other in ({"ssim": 0.8}, {"psnr": 40.0}, {"psnr": None}):
        assert not stealth_figure(MEASURED | other, "a title").plotly["layout"]["annotations"]
    assert loud.png != stealth_figure(MEASURED | {"ssim": 0.9894}, "a title").png


def said(figure):
    (annotation,) = figure.plotly["layout"]["annotations"]
    return annotation["text"]


def test_the_control_says_so() -> None:
    figure = stealth_figure({"poisoned_images": 0, "seconds": 0.0}, "a title")
    assert figure.table.empty
    assert "no attack" in said(figure)
    assert figure.png.startswith(b"\x89PNG")


def test_imported_poison_is_not_called_no_attack() -> None:
    imported = {"target_class": None, "poisoned_images": 92, "triggered_images": 40, "cross_images": 0}
    figure = stealth_figure({**imported, "seconds": 0.0}, "a title")
    assert figure.table.empty
    assert "not known" in said(figure)
    assert "no attack" not in said(figure)
    assert figure.png != stealth_figure({"poisoned_images": 0, "seconds": 0.0}, "a title").png
