"""Which tensors in, which tensors out?"""

__all__ = []
