"""One module for each thing that is measured. Each writes what it finds into the book."""
