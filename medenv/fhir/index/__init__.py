"""What a search can find a resource by: the values that search parameters point at, taken from a resource's template and values.

`paths` follows a parameter's expression through a template, `extract` makes index values of what it finds, `rows` holds them in columns.
"""
