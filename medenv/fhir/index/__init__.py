"""What a search can find a resource by: the values that search parameters point at, taken from a resource's shape and values.

`paths` follows a parameter's expression through a shape, `extract` turns what stands there into index values, `rows` keeps them in columns.
"""
