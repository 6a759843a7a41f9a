*a, b
x = *a,
