"""`python -m convscope`."""

from convscope.cli.app import main

if __name__ == "__main__":
    main()
