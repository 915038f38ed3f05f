"""Whether a model, or the data that it was trained on, has a backdoor: all detectors, one table, one page."""

from backdoor_pipeline.scanning.scan import Scan, Verdict, detectors, scan, see_that_they_detect

__all__ = ["Scan", "Verdict", "detectors", "scan", "see_that_they_detect"]
