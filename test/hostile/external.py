from case import Group

GROUP = Group("external")
