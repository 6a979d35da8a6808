"""One small module for each way of keeping reports: ``read`` goes from a source to studies with their sections."""
