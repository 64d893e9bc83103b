"""The channels of a layer: kernels, statistics, patches, single positions, pooled features."""
