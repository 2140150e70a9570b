//! Class, mask and auxiliary semantic heads of kMaX-DeepLab.
