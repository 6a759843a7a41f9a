while : a
