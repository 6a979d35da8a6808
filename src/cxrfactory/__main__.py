"""``python -m cxrfactory``."""

from cxrfactory.cli import main

if __name__ == "__main__":
    main()
