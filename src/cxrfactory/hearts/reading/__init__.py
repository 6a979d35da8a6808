"""Reading of hearts: cine MR of DICOM and NIfTI as the views of a case at ED and ES (docs/hearts.md)."""
