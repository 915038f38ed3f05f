"""What Kedro calls while a pipeline runs: one concern each."""
