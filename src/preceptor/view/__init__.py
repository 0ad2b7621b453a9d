"""`preceptor view`: the runs of a store in a browser. All is read; nothing is ever written."""
