"""CT to radiograph, on arrays and tensors."""
