"""The pack's modules are imported from the project's root, as the engine does."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
