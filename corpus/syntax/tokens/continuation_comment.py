a = \ # b
