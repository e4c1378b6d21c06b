FROM ubnutu
