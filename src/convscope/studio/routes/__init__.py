"""The addresses of the studio, one file for each topic; `convscope.studio.application` lists them."""
