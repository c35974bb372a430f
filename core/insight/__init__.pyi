from .detectors import Detectors as Detectors
