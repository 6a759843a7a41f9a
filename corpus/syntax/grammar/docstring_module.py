"""doc"""
a
