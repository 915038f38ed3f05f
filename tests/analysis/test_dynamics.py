import pandas as pd

from backdoor_pipeline.analysis.dynamics import NO_GRADIENTS, UNWATCHED, gradient_figure, learning_figure

EPOCHS = pd.DataFrame(
    {
        "epoch": [1, 2, 3],
        "train_loss": [2.0, 1.0, 0.5],
        "clean_train_loss": [2.1, 1.1, 0.6],
        "clean_train_accuracy": [0.2, 0.5, 0.75],
        "poisoned_train_loss": [1.1, 0.1, 0.01],
        "poisoned_train_accuracy": [0.5, 0.875, 1.0],
        "clean_test_loss": [2.0, None, 0.7],
        "clean_test_accuracy": [0.25, None, 0.5],
        "gsnr_total": [0.2, None, 0.1],
        "gsnr_clean": [0.1, None, 0.05],
        "gsnr_poisoned": [2.0, None, 0.2],
        "norm_total": [10.0, None, 1.0],
        "norm_clean": [11.0, None, 1.0],
        "norm_poisoned": [20.0, None, 0.1],
        "cosine_total_clean": [0.9, None, 1.0],
        "cosine_total_poisoned": [0.5, None, 0.1],
        "cosine_clean_poisoned": [-0.2, None, 0.0],
        "gradient_images": [64.0, None, 64.0],
    }
)


def lines(figure, axis: str) -> dict[str, list[float]]:
    return {trace["name"]: trace["y"] for trace in figure.plotly["data"] if trace["yaxis"] == axis}


def test_losses_and_accuracies_of_all_parts_there_are() -> None:
    figure = learning_figure(EPOCHS, "title")
    assert lines(figure, "y") == {
        "clean, train": [2.1, 1.1, 0.6],
        "poisoned, train": [1.1, 0.1, 0.01],
        "clean, test": [2.0, 0.7],
    }
    assert lines(figure, "y2")["poisoned, train"] == [50, 87.5, 100]
    pd.testing.assert_frame_equal(figure.table, EPOCHS)


def test_ratios_norms_and_cosines() -> None:
    figure = gradient_figure(EPOCHS, "title")
    ratios = lines(figure, "y")
    assert ratios["poisoned"] == [2.0, 0.2]
    assert ratios["pure noise"] == [1 / 64, 1 / 64]
    assert list(ratios) == ["clean", "poisoned", "all", "pure noise"], "all above clean, not under it"
    assert lines(figure, "y2") == {"all": [10, 1], "clean": [11, 1], "poisoned": [20, 0.1]}
    assert lines(figure, "y3") == {
        "all, clean": [0.9, 1.0], "all, poisoned": [0.5, 0.1], "clean, poisoned": [-0.2, 0.0],
    }  # fmt: skip


def test_what_was_not_watched_says_how_to() -> None:
    empty = pd.DataFrame({"epoch": []})
    assert learning_figure(empty, "title").table["note"].tolist() == [UNWATCHED]
    assert "watch.forgetting:true" in UNWATCHED
    without = EPOCHS.drop(columns=[name for name in EPOCHS if name.startswith("gsnr")])
    assert gradient_figure(without, "title").table["note"].tolist() == [NO_GRADIENTS]
    assert "watch.gradients:200" in NO_GRADIENTS
    assert len(learning_figure(without, "title").plotly["data"]) == 6
