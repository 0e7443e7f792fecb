import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { App } from './app.tsx';

const root = document.querySelector('#root');
if (root === null) throw new Error('the page has no #root');
createRoot(root).render(
  // In development it runs each effect twice: a broadcast has to survive that.
  <StrictMode>
    <App />
  </StrictMode>,
);
