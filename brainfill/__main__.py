"""`python -m brainfill` is the command `brainfill`."""

from brainfill.cli.app import main

if __name__ == "__main__":
    main()
