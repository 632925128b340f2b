"""The engines that run the passes."""
