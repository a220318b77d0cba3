"""Sphinx's settings for the site; `build.py` beside this file gathers the pages and calls it."""

project = "ssl_course"
author = "the authors of ssl_course"
html_title = "ssl_course"
language = "en"

extensions = ["myst_nb", "sphinx-mathjax-offline"]  # the second brings MathJax along: no page asks another host
nb_execution_mode = "off"  # the lessons are committed with their outputs
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header", "misc.highlighting_failure"]

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_use_index = False
html_show_copyright = False
html_favicon = "_static/icon.svg"
