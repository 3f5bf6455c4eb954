"""Fitted systems for other programs: ONNX."""

from ferfusion.export.system import save_onnx, to_onnx

__all__ = ["save_onnx", "to_onnx"]
