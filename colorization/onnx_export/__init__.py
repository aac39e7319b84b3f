"""The networks for ONNX Runtime: graphs, checked against torch, and what a program around them has to know."""
