"""Names that the command line needs before it imports a database."""

DEFAULT = "preceptor.db"
