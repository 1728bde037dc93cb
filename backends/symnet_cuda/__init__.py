"""symnet on NVIDIA GPUs: programs become CUDA C++, compiled by NVRTC and run through pycuda."""

from symnet_cuda.backend import SOURCES, CudaBackend, backend

__all__ = ["SOURCES", "CudaBackend", "backend"]
