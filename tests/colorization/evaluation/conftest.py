"""What the tests of measuring share."""

from fake_pipeline import fake, paths, reference_paths, truth_dir
from study_page import real_dir, result_dir

__all__ = ["fake", "paths", "real_dir", "reference_paths", "result_dir", "truth_dir"]
