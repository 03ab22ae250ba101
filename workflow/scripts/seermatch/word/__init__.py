"""Tables for the manuscript as a Word document."""
