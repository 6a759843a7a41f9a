a<>b
