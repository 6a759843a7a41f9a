"""Of the module."""

def f():
    '''Of the function,

        with lines
      that are indented.
    '''

class C:
    'Of the class.'
