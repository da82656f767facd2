"""Every data set by itself: its files, its classes and its official splits."""
