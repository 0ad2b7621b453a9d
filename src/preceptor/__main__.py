"""``python -m preceptor``, for where the script is not on the path."""

import sys

from preceptor.cli.app import main

sys.exit(main())
