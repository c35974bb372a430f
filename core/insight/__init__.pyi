from .detectors import Detectors as Detectors
from .landscape import LossLandscapeAnalyzer as LossLandscapeAnalyzer
from .loss_monitor import LossMonitor as LossMonitor
from .stability import TrainingStabilityMonitor as TrainingStabilityMonitor
