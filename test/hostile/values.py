from case import Group

GROUP = Group("values")
