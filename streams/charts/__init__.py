"""Pictures and pages of one file, for all reports: scales, SVG, plots of lines, the templates and sheets."""
