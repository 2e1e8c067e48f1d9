"""Text normalization: how the catalog validates, folds and compares text."""
