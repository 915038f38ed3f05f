"""`kedro sweep`: a grid of experiments, each cell an ordinary Kedro run; see `docs/sweeps.md`."""
