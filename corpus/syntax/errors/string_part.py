"a" b "c"
