"""The networks for ONNX Runtime, checked against torch."""
