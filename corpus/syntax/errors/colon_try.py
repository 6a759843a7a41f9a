try
    a
