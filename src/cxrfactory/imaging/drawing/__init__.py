"""Drawing of pictures: contours and masks over radiographs, contact sheets, figures and PNG files."""
