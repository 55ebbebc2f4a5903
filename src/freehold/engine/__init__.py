"""The examination of one file: identify, match, unpack, judge.

Stands between the worker that was handed a descriptor and the formats and bundles that know the details. It opens no
path, writes nothing but its spool, and never raises for hostile content: what goes wrong becomes a typed problem.
"""
