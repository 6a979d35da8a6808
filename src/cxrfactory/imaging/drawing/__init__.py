"""Pictures out: contours over radiographs, contact sheets, figures, PNG."""
