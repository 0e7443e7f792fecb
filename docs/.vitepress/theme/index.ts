import theme from 'vitepress/theme';

import './style.css';

// vitepress reads its theme from a default export.
export default theme;
