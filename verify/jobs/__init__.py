"""Jobs of ``python -m verify``: what a run is, its folder, its record and its replay."""
