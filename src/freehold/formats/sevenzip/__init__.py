"""7-Zip's shared library, driven through its COM-style interface (CPP/7zip/Archive/IArchive.h of its sources).

It reads from views and writes into the spool; it sees no path, starts no thread, and is told which format to read.
"""
