"""`python -m ostiary`, the same as the command."""

from ostiary.cli import main

if __name__ == "__main__":
    main()
