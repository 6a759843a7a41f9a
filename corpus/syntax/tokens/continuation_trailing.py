a = \ 
b
